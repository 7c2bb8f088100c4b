import { fork } from 'node:child_process';
import { Type } from 'typebox';
import { Compile } from 'typebox/schema';
import type { PictureFault } from '../../database/image-tables.ts';
import type { ThreadContext } from '../../queue/index.ts';
import { MAX_SIDE, type Picture, type Purpose } from './picture.ts';

const PROGRAM = new URL('./process.ts', import.meta.url);

/** The environment of the process: without secrets, and without temporary files, because a container may have no disk. */
const ENVIRONMENT = { VIPS_DISC_THRESHOLD: '2g' };

/** Signals that stop a whole process group. Any other means that the upload has crashed the process. */
const STOPPING: ReadonlySet<NodeJS.Signals> = new Set(['SIGHUP', 'SIGINT', 'SIGTERM']);

/**
 * Decodes an upload in a separate process, to contain crashes. Only that process loads sharp. Runs in a
 * thread, because starting a process and sending it megabytes would block the event loop. See ADR 14.
 *
 * @throws Error if the process was stopped
 */
export default function decode(
  { upload, purpose }: { upload: Uint8Array; purpose: Purpose },
  { signal }: Pick<ThreadContext, 'signal'>,
): Promise<Picture | PictureFault> {
  const { promise, resolve, reject } = Promise.withResolvers<Picture | PictureFault>();
  const child = fork(PROGRAM, [purpose], {
    execArgv: ['--max-old-space-size=64'],
    env: ENVIRONMENT,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    signal,
    killSignal: 'SIGKILL',
  });
  child.once('message', (answer) => {
    child.disconnect();
    resolve(isAnswer(answer) ? answer : 'unreadable');
  });
  child.on('error', reject);
  child.once('exit', (code, killedBy) => {
    if (killedBy !== null && !STOPPING.has(killedBy)) resolve('unreadable');
    else reject(new Error(`The picture process ended with ${killedBy ?? `code ${code}`}`));
  });
  child.send(upload);
  return promise;
}

const Side = Type.Integer({ minimum: 1, maximum: MAX_SIDE });
const Bytes = Type.Refine(Type.Unsafe<Uint8Array>({}), (value) => value instanceof Uint8Array);
const PICTURE = Compile(
  Type.Object({
    width: Side,
    height: Side,
    files: Type.Array(Type.Object({ width: Side, content: Bytes }), { minItems: 1 }),
  }),
);
const FAULTS: readonly unknown[] = ['unreadable', 'too-large', 'too-slow'] satisfies PictureFault[];

/** Checks the process's messages, because it has read hostile bytes. */
function isAnswer(answer: unknown): answer is Picture | PictureFault {
  return PICTURE.Check(answer) || FAULTS.includes(answer);
}
