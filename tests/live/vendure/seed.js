// Fills an empty Vendure (see server.js) through its admin API, as a Danish merchant would set it up:
// prices include 25 % tax, DKK is the default currency, EUR is also sold, one product, and a key that may only price.
//
//   PORT=3000 node seed.js FILTER-250=4995 FILTER-1000=14900
//
// Prices are integer minor units with tax. Prints one JSON line {"api_key","variants":{SKU:id},"slug",...}.
'use strict';

const base = `http://127.0.0.1:${process.env.PORT}`;
const slug = 'test-product';

const wanted = process.argv.slice(2).map((argument) => {
  const parts = /^(.+)=(\d+)$/.exec(argument);
  if (!parts) {
    throw new Error(`${argument}: expected SKU=PRICE_MINOR`);
  }
  return { sku: parts[1], price: Number(parts[2]) };
});

let bearer = '';

// Vendure says most failures with HTTP 200, so both the status and `errors` count.
async function ask(query, variables = {}) {
  const headers = { 'content-type': 'application/json' };
  if (bearer) {
    headers.authorization = `Bearer ${bearer}`;
  }
  const answer = await fetch(`${base}/admin-api`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(60_000),
  });
  const body = await answer.json();
  if (!answer.ok || body.errors) {
    throw new Error(`${query}\nHTTP ${answer.status}: ${JSON.stringify(body.errors ?? body)}`);
  }
  bearer ||= answer.headers.get('vendure-auth-token') ?? '';
  return Object.values(body.data)[0];
}

const english = (name) => [{ languageCode: 'en', name }];

async function login() {
  const user = await ask(`mutation {
    login(username: "superadmin", password: "superadmin") { __typename ... on ErrorResult { message } }
  }`);
  if (user.__typename !== 'CurrentUser') {
    throw new Error(`login: ${user.message}`);
  }
}

// The channel goes first: products made before it would keep prices in the currency that the channel started with.
async function market() {
  const country = await ask('mutation($input: CreateCountryInput!) { createCountry(input: $input) { id } }', {
    input: { code: 'DK', enabled: true, translations: english('Denmark') },
  });
  const zone = await ask('mutation($input: CreateZoneInput!) { createZone(input: $input) { id } }', {
    input: { name: 'Denmark', memberIds: [country.id] },
  });
  const channel = await ask('{ activeChannel { id token } }');
  await ask(
    `mutation($input: UpdateChannelInput!) {
      updateChannel(input: $input) { __typename ... on ErrorResult { errorCode message } }
    }`,
    {
      input: {
        id: channel.id,
        defaultTaxZoneId: zone.id,
        defaultShippingZoneId: zone.id,
        pricesIncludeTax: true,
        defaultCurrencyCode: 'DKK',
        availableCurrencyCodes: ['DKK', 'EUR'],
      },
    },
  );
  const category = await ask(
    'mutation { createTaxCategory(input: { name: "Standard", isDefault: true }) { id } }',
  );
  await ask('mutation($input: CreateTaxRateInput!) { createTaxRate(input: $input) { id } }', {
    input: { name: 'Moms', enabled: true, value: 25, categoryId: category.id, zoneId: zone.id },
  });
  return { channel, category };
}

// Variants of one product must differ by an option, hence one option per SKU.
async function product(category) {
  const made = await ask('mutation($input: CreateProductInput!) { createProduct(input: $input) { id } }', {
    input: { enabled: true, translations: [{ languageCode: 'en', name: 'Test product', slug, description: '' }] },
  });
  const group = await ask(
    'mutation($input: CreateProductOptionGroupInput!) { createProductOptionGroup(input: $input) { id options { id code } } }',
    {
      input: {
        code: 'size',
        translations: english('Size'),
        options: wanted.map((_, index) => ({ code: `size-${index}`, translations: english(`Size ${index}`) })),
      },
    },
  );
  await ask('mutation($product: ID!, $group: ID!) { addOptionGroupToProduct(productId: $product, optionGroupId: $group) { id } }', {
    product: made.id,
    group: group.id,
  });
  const options = new Map(group.options.map((option) => [option.code, option.id]));
  const variants = await ask(
    'mutation($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id sku } }',
    {
      input: wanted.map(({ sku, price }, index) => ({
        productId: made.id,
        sku,
        price,
        taxCategoryId: category.id,
        optionIds: [options.get(`size-${index}`)],
        translations: english(sku),
      })),
    },
  );
  return { id: made.id, variants: Object.fromEntries(variants.map(({ sku, id }) => [sku, id])) };
}

// The rights that the documentation tells a merchant to give, and no more.
async function key(channel) {
  const role = await ask('mutation($input: CreateRoleInput!) { createRole(input: $input) { id } }', {
    input: {
      code: 'pricing',
      description: 'Reads the catalog and writes prices',
      permissions: ['ReadCatalog', 'UpdateCatalog', 'ReadProduct', 'UpdateProduct'],
      channelIds: [channel.id],
    },
  });
  const made = await ask('mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey } }', {
    input: { roleIds: [role.id], translations: english('omniprice') },
  });
  return made.apiKey;
}

async function main() {
  if (!process.env.PORT || wanted.length === 0) {
    throw new Error('usage: PORT=3000 node seed.js SKU=PRICE_MINOR ...');
  }
  await login();
  const { channel, category } = await market();
  const { id, variants } = await product(category);
  const api_key = await key(channel);
  console.log(JSON.stringify({ api_key, variants, slug, product: id, channel_token: channel.token, bearer }));
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
