// What the shop of server.js is made of: Medusa as it comes, without the admin page, on one PostgreSQL database.
'use strict';

const { defineConfig } = require('@medusajs/framework/utils');

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env.DATABASE_URL,
    // A server of the test run speaks no TLS.
    databaseDriverOptions: { connection: { ssl: false } },
    http: {
      storeCors: '*',
      adminCors: '*',
      authCors: '*',
      jwtSecret: 'only for tests',
      cookieSecret: 'only for tests',
    },
  },
});
