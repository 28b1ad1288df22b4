// A real Vendure shop on loopback for the tests of the vendure channel: API only, no admin page, no search, no mail.
//
// Environment: PORT, PGHOST, PGPORT, PGDATABASE (must exist), PGUSER [postgres], PGPASSWORD [empty].
// Prints one JSON line {"ready":true,...} once it answers; errors go to stderr with a non-zero exit.
'use strict';

// A test must not call home; the variable is read when the package is loaded.
process.env.VENDURE_DISABLE_TELEMETRY = '1';

const started = process.hrtime.bigint();
const { bootstrap, DefaultLogger, LogLevel } = require('@vendure/core');

const env = (name, fallback) => {
  const value = process.env[name] ?? fallback;
  if (value === undefined) {
    console.error(`${name} is not set`);
    process.exit(2);
  }
  return value;
};

// Without this a test process that is killed would leave its shop behind.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(0), 500).unref();
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => process.exit(0));
}

const port = Number(env('PORT'));
const config = {
  // Its warnings are about running this in public; stdout is for the one line.
  logger: new DefaultLogger({ level: LogLevel.Error, timestamp: false }),
  apiOptions: { hostname: '127.0.0.1', port, adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
  authOptions: {
    // The key is what a merchant gives the daemon; the bearer token is for seeding and for edits by hand in tests.
    tokenMethod: ['bearer', 'api-key'],
    superadminCredentials: { identifier: 'superadmin', password: 'superadmin' },
    requireVerification: false,
  },
  // PostgreSQL because Vendure on SQLite rounds and stores prices differently.
  dbConnectionOptions: {
    type: 'postgres',
    host: env('PGHOST', '127.0.0.1'),
    port: Number(env('PGPORT')),
    database: env('PGDATABASE'),
    username: env('PGUSER', 'postgres'),
    password: env('PGPASSWORD', ''),
    // The schema is made at the first start in an empty database; a restart finds it.
    synchronize: true,
    logging: false,
  },
  paymentOptions: { paymentMethodHandlers: [] },
  plugins: [],
};

bootstrap(config).then(
  () => {
    const boot_ms = Number((process.hrtime.bigint() - started) / 1000000n);
    const rss_mb = Math.round(process.memoryUsage().rss / 1048576);
    console.log(JSON.stringify({ ready: true, port, boot_ms, rss_mb }));
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
