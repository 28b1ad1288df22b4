// Fills an empty Medusa (see server.js) through its admin API, as a Danish merchant would set it up: prices in DKK that
// include tax, EUR sold beside it, one product per three SKUs, a key for the daemon and one for looking as a shopper.
//
//   PORT=9000 ADMIN_EMAIL=... ADMIN_PASSWORD=... node seed.js FILTER-250=4995 FILTER-1000=14900
//
// Prices are integer minor units with tax. Prints one JSON line with the keys, ids and {"variants":{SKU:{...}}}.
'use strict';

const base = `http://127.0.0.1:${process.env.PORT}`;
// Several products, so that a push of a few prices takes more than one request.
const VARIANTS_PER_PRODUCT = 3;

const wanted = process.argv.slice(2).map((argument) => {
  const parts = /^(.+)=(\d+)$/.exec(argument);
  if (!parts) {
    throw new Error(`${argument}: expected SKU=PRICE_MINOR`);
  }
  return { sku: parts[1], minor: Number(parts[2]) };
});

let authorization;

async function ask(method, path, body) {
  const headers = { 'content-type': 'application/json' };
  if (authorization) {
    headers.authorization = authorization;
  }
  const answer = await fetch(`${base}${path}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`${method} ${path}: HTTP ${answer.status}: ${text}`);
  }
  return JSON.parse(text);
}

async function login() {
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = process.env;
  const { token } = await ask('POST', '/auth/user/emailpass', { email, password });
  authorization = `Bearer ${token}`;
}

async function keys(salesChannel) {
  const { api_key: secret } = await ask('POST', '/admin/api-keys', { title: 'omniprice', type: 'secret' });
  const { api_key: shopper } = await ask('POST', '/admin/api-keys', { title: 'web shop', type: 'publishable' });
  await ask('POST', `/admin/api-keys/${shopper.id}/sales-channels`, { add: [salesChannel.id] });
  return { secret, shopper };
}

async function market(salesChannel) {
  const { stores } = await ask('GET', '/admin/stores');
  await ask('POST', `/admin/stores/${stores[0].id}`, {
    supported_currencies: [
      { currency_code: 'dkk', is_default: true, is_tax_inclusive: true },
      { currency_code: 'eur', is_tax_inclusive: true },
    ],
    default_sales_channel_id: salesChannel.id,
  });
  const region = (name, currency_code, country) =>
    ask('POST', '/admin/regions', { name, currency_code, countries: [country], is_tax_inclusive: true });
  const { region: denmark } = await region('Danmark', 'dkk', 'dk');
  const { region: germany } = await region('Deutschland', 'eur', 'de');
  return { denmark, germany };
}

// Euro prices that no exchange rate gives, so that a test can tell them from converted ones.
const euros = (index) => 5 + index;

async function product(number, rows, salesChannel) {
  const { product: made } = await ask('POST', '/admin/products', {
    title: `Test product ${number}`,
    handle: `test-product-${number}`,
    status: 'published',
    sales_channels: [{ id: salesChannel.id }],
    // Variants of one product must differ by an option.
    options: [{ title: 'Size', values: rows.map(({ sku }) => sku) }],
    variants: rows.map(({ sku, minor }, index) => ({
      title: sku,
      sku,
      manage_inventory: false,
      options: { Size: sku },
      prices: [
        { currency_code: 'dkk', amount: minor / 100 },
        { currency_code: 'eur', amount: euros(index) },
      ],
    })),
  });
  return made.variants.map(({ sku, id }) => {
    const index = rows.findIndex((row) => row.sku === sku);
    return [sku, { id, product: made.id, eur: euros(index) }];
  });
}

async function main() {
  if (!process.env.PORT || wanted.length === 0) {
    throw new Error('usage: PORT=9000 ADMIN_EMAIL=... ADMIN_PASSWORD=... node seed.js SKU=PRICE_MINOR ...');
  }
  await login();
  const { sales_channels } = await ask('GET', '/admin/sales-channels');
  const { secret, shopper } = await keys(sales_channels[0]);
  const { denmark, germany } = await market(sales_channels[0]);
  const variants = [];
  for (let at = 0; at < wanted.length; at += VARIANTS_PER_PRODUCT) {
    variants.push(...(await product(at, wanted.slice(at, at + VARIANTS_PER_PRODUCT), sales_channels[0])));
  }
  console.log(
    JSON.stringify({
      secret_key: secret.token,
      secret_key_id: secret.id,
      publishable_key: shopper.token,
      region: denmark.id,
      region_eur: germany.id,
      bearer: authorization,
      variants: Object.fromEntries(variants),
    }),
  );
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
