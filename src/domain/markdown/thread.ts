import { render, TooLarge } from './render.ts';
import type { Images, People, Rendered, TextKind } from './text.ts';

/** Renders a text. Runs in a thread. Returns null if the HTML would be too large. */
export default function renderText({
  kind,
  body,
  people,
  images,
}: {
  kind: TextKind;
  body: string;
  people: People;
  images: Images;
}): Rendered | null {
  try {
    return render(kind, body, people, images);
  } catch (error) {
    if (error instanceof TooLarge) return null;
    throw error;
  }
}
