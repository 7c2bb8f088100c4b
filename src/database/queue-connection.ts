import type { ConnectionOptions, ConnectionUse } from '../queue/index.ts';
import { connectionTo as connect, type Deadlines } from './connection.ts';

/** The settings of the queue's connections. */
export interface ConnectionSettings {
  readonly url: string;
  readonly deadlines: Deadlines;
  readonly names: Readonly<Record<ConnectionUse, string>>;
}

/**
 * The options of the queue's own connections. A thread of the queue imports this too.
 *
 * The connection for background work stays open, because it shows `npm run migrate` a process that is behind a pooler.
 */
export function connectionTo(
  { url, deadlines, names }: ConnectionSettings,
  use: ConnectionUse,
): ConnectionOptions {
  const isBackground = use === 'background'; // It deletes old jobs.
  const options = connect(url, deadlines, { name: names[use], statements: isBackground ? 'long' : 'short' });
  return isBackground ? { ...options, min: 1 } : options;
}
