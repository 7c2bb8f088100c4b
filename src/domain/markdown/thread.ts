import type { MessagePort } from 'node:worker_threads';
import { render, TooLarge } from './render.ts';
import type { TextKind } from './text.ts';

/** A text for a thread of `app.markdown`. */
export interface Task {
  readonly kind: TextKind;
  readonly body: string;
  /** Notified when rendering starts, because waiting for a thread does not count. */
  readonly port: MessagePort;
}

/** Returns the HTML, or null if it would be too large. */
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
