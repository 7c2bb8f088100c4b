import type { ConnectionOptions, ConnectionUse } from '../queue/index.ts';
import { connectionTo as connect, type Deadlines } from './connection.ts';

/** What the queue's connections are made of. */
export interface ConnectionSettings {
  readonly url: string;
  readonly deadlines: Deadlines;
  readonly names: Readonly<Record<ConnectionUse, string>>;
}

/**
 * How the queue connects for itself. A thread of the queue imports this too.
 *
 * The connection for work in the background stays open: by it, `npm run migrate` sees a process behind a pooler.
 */
export function connectionTo(
  { url, deadlines, names }: ConnectionSettings,
  use: ConnectionUse,
): ConnectionOptions {
  const isBackground = use === 'background'; // It deletes old jobs.
  const options = connect(url, deadlines, { name: names[use], statements: isBackground ? 'long' : 'short' });
  return isBackground ? { ...options, min: 1 } : options;
}
