import type { MessagePort } from 'node:worker_threads';
import { render, type TextKind, TooLarge } from './render.ts';

/** What a thread of `app.markdown` is asked to do. */
export interface Task {
  readonly kind: TextKind;
  readonly body: string;
  /** Told when the work begins, because waiting for a thread does not count. */
  readonly port: MessagePort;
}

/** Returns the HTML, or null when it would be larger than it may be. */
export default function renderTask({ kind, body, port }: Task): string | null {
  port.postMessage('started');
  try {
    return render(kind, body);
  } catch (error) {
    if (error instanceof TooLarge) return null;
    throw error;
  } finally {
    port.close();
  }
}
