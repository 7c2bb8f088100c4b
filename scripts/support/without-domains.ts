import asyncHooks from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Imported before tap, whose domains follow every promise to find out which test has left an error uncaught. That takes a
 * tenth of the tests' processor time. Without it, such an error ends the test process, which fails the file and shows the
 * error.
 */
asyncHooks.createHook = () => {
  const inert = { enable: () => inert, disable: () => inert };
  return inert;
};
syncBuiltinESMExports();

process.on('uncaughtException', (error) => {
  console.error(error);
  process.exit(1);
});
