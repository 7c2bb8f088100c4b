import { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import { serializers } from '../../src/logger.ts';

/** A logger like the application's at its most verbose level, and its output. */
export function captureLog(): { logger: Logger; text(): string; lines(): Record<string, unknown>[] } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const text = () => chunks.join('');
  return {
    logger: pino({ level: 'trace', serializers }, stream),
    text,
    lines: () =>
      text()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
  };
}
