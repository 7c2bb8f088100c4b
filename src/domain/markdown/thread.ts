import type { MessagePort } from 'node:worker_threads';
import { render, TooLarge } from './render.ts';
import type { Images, People, Rendered, TextKind } from './text.ts';

/** A text for a thread of `app.markdown`. */
export interface Task {
  readonly kind: TextKind;
  readonly body: string;
  readonly people: People;
  readonly images: Images;
  /** Notified when rendering starts, because waiting for a thread does not count. */
  readonly port: MessagePort;
}

/** Returns null if the HTML would be too large. */
export default function renderTask({ kind, body, people, images, port }: Task): Rendered | null {
  port.postMessage('started');
  try {
    return render(kind, body, people, images);
  } catch (error) {
    if (error instanceof TooLarge) return null;
    throw error;
  } finally {
    port.close();
  }
}
