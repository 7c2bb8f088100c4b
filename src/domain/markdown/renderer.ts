import { LRUCache } from 'lru-cache';
import pLimit, { type LimitFunction } from 'p-limit';
import { Busy, DomainError } from '../../errors.ts';
import { type Compute, NoFreeThread, type Program, TimedOut } from '../../queue/index.ts';
import type { Images, Markdown, People, Rendered, TextKind } from './text.ts';
import type renderText from './thread.ts';

const RENDER: Program<typeof renderText> = {
  url: new URL('./thread.ts', import.meta.url),
};

const TOO_LONG = 'This text takes too long to render. Please simplify it.';
const TOO_LARGE = 'This text is too large when rendered. Please simplify it.';

/** Texts of one writer that may wait. */
const MAX_WAITING = 10;

/** Writers whose texts wait for each other. */
const MAX_WRITERS = 10_000;

/** Renders texts in threads. @param timeoutMs how long one may take */
export function markdownRenderer(compute: Compute, timeoutMs: number): Markdown {
  const render =
    (kind: TextKind) =>
    async (body: string, people: People = new Map(), images: Images = new Map()) => {
      const task = { kind, body, people, images };
      const rendered = await compute(RENDER, task, { timeoutMs }).catch(throwKnown);
      if (rendered === null) throw new DomainError('unrenderable', TOO_LARGE);
      return rendered;
    };
  const [post, comment] = [render('post'), render('comment')];
  const lines = new LRUCache<number, LimitFunction>({
    maxSize: MAX_WRITERS,
    sizeCalculation: () => 1,
    memoMethod: () => pLimit(1),
  });
  return {
    post,
    comment,
    by(writerId) {
      const line = lines.memo(writerId);
      const inTurn = async (work: () => Promise<Rendered>) => {
        if (line.pendingCount >= MAX_WAITING) throw new Busy();
        return line(work);
      };
      return {
        post: (...text) => inTurn(() => post(...text)),
        comment: (...text) => inTurn(() => comment(...text)),
      };
    },
  };
}

function throwKnown(error: unknown): never {
  if (error instanceof NoFreeThread) throw new Busy();
  throw error instanceof TimedOut || isOutOfMemory(error) ? new DomainError('unrenderable', TOO_LONG) : error;
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
