import { type Compute, type Program, TimedOut } from '../../queue/index.ts';
import type decode from './decode.ts';
import type { RenderPicture } from './picture.ts';

const DECODE: Program<typeof decode> = {
  url: new URL('./decode.ts', import.meta.url),
};

/** Renders pictures in a thread. @param timeoutMs how long one may take */
export function pictureRenderer(compute: Compute, timeoutMs: number): RenderPicture {
  return (upload, purpose) =>
    compute(DECODE, { upload, purpose }, { timeoutMs }).catch((error) => {
      if (error instanceof TimedOut) return 'too-slow' as const;
      throw error;
    });
}
