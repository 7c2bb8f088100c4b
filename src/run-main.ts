import { DomainError, StartupError } from './errors.ts';

/**
 * Runs a command. Reports errors that an operator can fix in plain lines, with exit code 2, or 1 if a server is
 * unreachable. Only unexpected errors show a stack trace.
 */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const exitCode = exitCodeOf(error);
    const isUnexpected = exitCode === undefined;
    const text = error instanceof Error ? (isUnexpected ? error.stack : error.message) : String(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode ?? 1;
  }
}

/** The exit code for an error that an operator can fix; undefined for an unexpected one. */
function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof StartupError) return error.exitCode;
  if (error instanceof DomainError) return 1;
  return isInvalidOption(error) ? 2 : undefined;
}

/** `parseArgs` throws these for unknown options and missing values. */
function isInvalidOption(error: unknown): boolean {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}
