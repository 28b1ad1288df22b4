// A real Medusa shop on loopback for the tests of the medusa channel.
//
// Environment: PORT, DATABASE_URL (a database that `medusa db:migrate` and `medusa user` have been at).
// Prints one JSON line {"ready":true,...} once it answers; errors go to stderr with a non-zero exit.
'use strict';

// A test must not call home; the variable is read when the package is loaded.
process.env.MEDUSA_DISABLE_TELEMETRY = '1';
process.env.NODE_ENV ??= 'development';

for (const name of ['PORT', 'DATABASE_URL']) {
  if (!process.env[name]) {
    console.error(`${name} is not set`);
    process.exit(2);
  }
}

// Without this a test process that is killed would leave its shop behind.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(0), 500).unref();

const started = process.hrtime.bigint();
const port = Number(process.env.PORT);
const start = require('@medusajs/medusa/commands/start').default;

// `start` comes back before the port is open.
async function answering() {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

start({ directory: __dirname, host: '127.0.0.1', port })
  .then(answering)
  .then(
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
