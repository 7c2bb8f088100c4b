import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import t from 'tap';
import decode from '../../../src/domain/pictures/decode.ts';
import { MAX_SIDE, type Picture, type Purpose } from '../../../src/domain/pictures/picture.ts';
import { pictureRenderer } from '../../../src/domain/pictures/renderer.ts';
import { Threads } from '../../../src/queue/index.ts';
import { renderPicture } from '../../support/pictures.ts';
import { waitFor } from '../../support/wait-for.ts';

const render = (upload: Uint8Array, purpose: Purpose = 'profile') => renderPicture(upload, purpose);

const plain = (width: number, height: number, background = 'red') =>
  sharp({ create: { width, height, channels: 3, background } });

/** Red above blue, as a camera stores it that was turned. */
async function turned(): Promise<Buffer> {
  const blue = await plain(100, 100, 'blue').png().toBuffer();
  return plain(200, 100)
    .composite([{ input: blue, left: 100, top: 0 }])
    .withExif({ IFD0: { Artist: 'Jane Doe' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
}

/** A small file that claims to be 20,000 pixels wide and high. */
async function bomb(): Promise<Buffer> {
  const png = await plain(9, 9).png().toBuffer();
  png.writeUInt32BE(20_000, 16);
  png.writeUInt32BE(20_000, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

function pictureOf(result: Picture | string): Picture {
  if (typeof result === 'string') throw new Error(`no picture: ${result}`);
  return result;
}

function squaresOf(result: Picture | string): { small: Uint8Array; large: Uint8Array } {
  const [small, large] = pictureOf(result).files.map(({ content }) => content);
  if (!small || !large) throw new Error('not two squares');
  return { small, large };
}

t.test('every format becomes two squares in WebP', async (t) => {
  for (const format of ['jpeg', 'png', 'webp', 'avif', 'gif'] as const) {
    const { small, large } = squaresOf(await render(await plain(300, 200).toFormat(format).toBuffer()));
    t.match(await sharp(small).metadata(), { format: 'webp', width: 96, height: 96 }, format);
    t.match(await sharp(large).metadata(), { format: 'webp', width: 256, height: 256 }, format);
    const [red] = (await sharp(large).stats()).channels;
    t.ok(red !== undefined && red.mean > 240, `${format}: the same colour`);
  }
});

t.test('a picture is rotated upright, and its metadata is removed', async (t) => {
  const upload = await turned();
  t.ok(upload.includes('Jane Doe'));
  t.match(await sharp(upload).metadata(), { orientation: 6, exif: Buffer });
  const { small, large } = squaresOf(await render(upload));
  for (const picture of [small, large]) {
    const { exif, xmp, icc, orientation } = await sharp(picture).metadata();
    t.same(
      { exif, xmp, icc, orientation },
      { exif: undefined, xmp: undefined, icc: undefined, orientation: undefined },
    );
    t.notOk(Buffer.from(picture).includes('Jane Doe'));
  }
  const pixels = await sharp(large).raw().toBuffer();
  const redAt = (x: number, y: number) => pixels.readUInt8(3 * (256 * y + x));
  t.ok(redAt(0, 0) > 200 && redAt(255, 0) > 200, 'red above');
  t.ok(redAt(0, 255) < 50 && redAt(255, 255) < 50, 'blue below');
});

t.test('transparent areas become white, to be visible on dark pages', async (t) => {
  const upload = await sharp({
    create: { width: 50, height: 50, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .png()
    .toBuffer();
  const { large } = squaresOf(await render(upload));
  t.equal((await sharp(large).stats()).channels[0]?.mean, 255);
});

t.test('an image for a post keeps its shape, in widths up to its own', async (t) => {
  const { files, ...size } = pictureOf(await render(await turned(), 'post'));
  t.same(size, { width: 100, height: 200 });
  t.match(files, [{ width: 100 }]);
  const wide = pictureOf(await render(await plain(2000, 1000).png().toBuffer(), 'post'));
  t.match(wide, { width: 2000, height: 1000, files: [{ width: 640 }, { width: 1280 }, { width: 1920 }] });
  for (const { width, content } of wide.files)
    t.match(await sharp(content).metadata(), { format: 'webp', width, height: width / 2, exif: undefined });
});

t.test('only the first frame of an animation is kept', async (t) => {
  const frames = await Promise.all(['red', 'blue'].map((colour) => plain(20, 10, colour).png().toBuffer()));
  const upload = await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer();
  t.equal((await sharp(upload).metadata()).pages, 2);
  const [file] = pictureOf(await render(upload, 'post')).files;
  t.match(await sharp(file?.content).metadata(), { width: 20, height: 10, pages: undefined });
});

t.test('other files, broken ones and bombs are refused', async (t) => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const jpeg = await plain(500, 500).jpeg().toBuffer();
  const refused: Record<string, Uint8Array> = {
    'an SVG': svg,
    'a TIFF': await plain(9, 9).tiff().toBuffer(),
    'a text': Buffer.from('hello'),
    nothing: Buffer.alloc(0),
    'half a JPEG': jpeg.subarray(0, jpeg.length / 2),
  };
  for (const [what, upload] of Object.entries(refused)) t.equal(await render(upload), 'unreadable', what);
  t.equal(
    await render(
      await plain(MAX_SIDE + 1, 1)
        .png()
        .toBuffer(),
    ),
    'too-large',
  );
  t.equal(await render(await bomb()), 'too-large');
});

t.test('a narrow strip is cropped before it is enlarged', async (t) => {
  const strip = await plain(1, MAX_SIDE).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  const soon = AbortSignal.timeout(10_000);
  const { large } = squaresOf(await decode({ upload: strip, purpose: 'profile' }, { signal: soon }));
  t.match(await sharp(large).metadata(), { width: 256, height: 256 });
});

t.test('a process that takes too long, crashes or is stopped only loses its own picture', async (t) => {
  const slow = await plain(5_000, 5_000).png({ compressionLevel: 1 }).toBuffer();
  const threads = new Threads(1, () => {});
  t.teardown(() => threads.close());
  t.equal(await pictureRenderer(threads.computeFor(), 1)(slow, 'post'), 'too-slow');
  const signal = AbortSignal.abort(new Error('The worker stops.'));
  await t.rejects(decode({ upload: slow, purpose: 'post' }, { signal }), { name: 'AbortError' });

  if (process.platform !== 'linux') return;
  const crashing = render(slow);
  const crashed = await processId();
  t.notMatch(await readFile(`/proc/${crashed}/environ`, 'utf8'), /postgres/, 'it has no secrets');
  process.kill(crashed, 'SIGSEGV');
  t.equal(await crashing, 'unreadable');

  const ending = render(slow);
  process.kill(await processId(), 'SIGTERM');
  await t.rejects(ending, /ended with SIGTERM/, 'the job is tried again');

  const orphan = fork(new URL('../../../src/domain/pictures/process.ts', import.meta.url), {
    serialization: 'advanced',
  });
  orphan.send(slow, () => orphan.disconnect()); // As when its worker is killed.
  const [, end] = await once(orphan, 'exit');
  t.equal(end, 'SIGKILL', 'it does not finish first');
});

/** Waits for the process that decodes, and returns its id. Linux only. */
async function processId(): Promise<number> {
  let found: string | undefined;
  await waitFor(async () => {
    const children = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8');
    for (const id of children.split(' ').filter(Boolean)) {
      const command = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
      if (command.includes('pictures/process.ts')) found = id;
    }
    return found !== undefined;
  }, 'the process has started');
  return Number(found);
}
