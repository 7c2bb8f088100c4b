import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import { ConfigError } from './config.ts';
import { StartupError } from './errors.ts';

/**
 * Runs the body of a command. What an operator can mend is said in plain lines and ends with exit code 2, or 1
 * where a server is away; only a fault of ours shows a stack trace.
 */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.exitCode = reportFailure(error);
  }
}

/** Says on stderr why a command failed. Returns the exit code that belongs to it. */
function reportFailure(error: unknown): number {
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.lines.join('\n')}\n`);
    return 2;
  }
  if (error instanceof StartupError) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (isWrongOption(error)) {
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

/** What `parseArgs` of node:util throws for an option it was not told of. */
function isWrongOption(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}

/** Readies the tree; when that fails, closes what had been opened, so that the process can end. */
export async function readyOrClose(app: FastifyInstance): Promise<void> {
  try {
    await app.ready();
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Beyond the grace that requests and jobs have, how long the closing itself may take. */
const CLOSING_SECONDS = 5;

/**
 * Closes the app, and with it the process, on SIGTERM, SIGINT, an uncaught error, or the end of the process that started
 * this one, so that none is left behind. Call it before the app takes any work: a signal that came earlier would cut it off.
 */
export function closeOnSignal(app: FastifyInstance): void {
  const delay = (app.config.shutdownGraceSeconds + CLOSING_SECONDS) * 1000;
  // A start that fails ends by itself, with its own exit code.
  const stopping = closeWithGrace(
    { delay, logger: app.log, skip: ['beforeExit'] },
    async ({ signal, err }) => {
      if (err) app.log.fatal({ err }, 'stopping after an uncaught error');
      else app.log.info({ signal }, 'stopping');
      await app.close();
      app.log.info('stopped');
    },
  );
  process.once('disconnect', () => stopping.close());
  process.channel?.unref(); // Listening to the parent must not keep a failed start alive.
}

/** Tells the process that started this one, if one is listening, that it is ready. */
export function reportReady(): void {
  process.send?.('ready');
}
