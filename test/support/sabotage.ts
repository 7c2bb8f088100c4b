/**
 * Loaded into a process with `--import`, this breaks it from inside when its parent asks: `{ clockMs }` makes its clock jump,
 * `{ blockMs }` blocks its event loop, and `{ leak: true }` takes memory until it is killed.
 */
interface Sabotage {
  readonly clockMs?: number;
  readonly blockMs?: number;
  readonly leak?: boolean;
}

const { Date: RealDate } = globalThis;
let offsetMs = 0;

/** Like a real clock that is set, this changes the date and no timers, which follow a monotonic clock. */
class JumpingDate extends RealDate {
  constructor(...values: [] | ConstructorParameters<typeof Date>) {
    if (values.length === 0) super(JumpingDate.now());
    else super(...values);
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

process.on('message', (message: unknown) => {
  const { clockMs, blockMs, leak }: Sabotage = Object(message);
  if (clockMs !== undefined) {
    offsetMs = clockMs;
    globalThis.Date = JumpingDate as DateConstructor;
  }
  if (blockMs !== undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
  if (leak) exhaustMemory();
});
process.channel?.unref(); // Listening must not keep the process alive.

function exhaustMemory(): void {
  const leaked: unknown[] = [];
  setInterval(() => leaked.push(...Array.from({ length: 100_000 }, () => ({ leaked: Math.random() }))), 10);
}
