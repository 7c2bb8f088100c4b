import { fork } from 'node:child_process';
import fp from 'fastify-plugin';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { PictureFault } from '../database/schema.ts';
import { MAX_SIDE, type Picture, type RenderPicture } from '../domain/pictures/picture.ts';

declare module 'fastify' {
  interface FastifyInstance {
    renderPicture: RenderPicture;
  }
}

const PROGRAM = new URL('../domain/pictures/process.ts', import.meta.url);

/** The whole environment of a process: nothing secret, and no temporary files, because a container may have no disk. */
const ENVIRONMENT = { VIPS_DISC_THRESHOLD: '2g' };

/** Signals that are sent to a whole group of processes. Any other means that the upload has crashed the process. */
const STOPPING: ReadonlySet<NodeJS.Signals> = new Set(['SIGHUP', 'SIGINT', 'SIGTERM']);

/**
 * Provides `app.renderPicture`, which decodes each upload in a process of its own: one that crashes it, or takes longer
 * than `config.pictureTimeoutMs`, costs nothing else. So only that process loads sharp. See ADR 14.
 */
export default fp(
  async (app) => {
    const { pictureTimeoutMs } = app.config;
    app.decorate('renderPicture', (upload, purpose, { signal: stop }) => {
      const timeout = AbortSignal.timeout(pictureTimeoutMs);
      const { promise, resolve, reject } = Promise.withResolvers<Picture | PictureFault>();
      const child = fork(PROGRAM, [purpose], {
        execArgv: ['--max-old-space-size=64'],
        env: ENVIRONMENT,
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        signal: AbortSignal.any([stop, timeout]),
        killSignal: 'SIGKILL',
      });
      child.once('message', (answer) => {
        child.disconnect();
        resolve(isAnswer(answer) ? answer : 'unreadable');
      });
      child.on('error', (error) => {
        if (timeout.aborted && !stop.aborted) resolve('too-slow');
        else reject(error);
      });
      child.once('exit', (code, signal) => {
        if (signal !== null && !STOPPING.has(signal)) resolve('unreadable');
        else reject(new Error(`The process for pictures has ended with ${signal ?? `code ${code}`}`));
      });
      child.send(upload);
      return promise;
    });
  },
  { name: 'pictures', decorators: { fastify: ['config'] } },
);

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

/** The process has read hostile bytes, so what it sends is checked. */
function isAnswer(answer: unknown): answer is Picture | PictureFault {
  return PICTURE.Check(answer) || FAULTS.includes(answer);
}
