import { execFile } from 'node:child_process';
import { copyFile, glob, link, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import packageJson from '../../package.json' with { type: 'json' };
import { packagesOf, ROOT } from '../support/packages-of.ts';

/** What runs after `npm ci --omit=dev`. Node and piscina load some files by path. */
const ENTRIES = [
  'src/server.ts',
  'src/worker.ts',
  'src/compile-cache.js',
  'src/domain/markdown/thread.ts',
  'src/domain/pictures/process.ts',
  'src/domain/posts/compare.ts',
  'src/queue/heartbeat-thread.ts',
  ...['start', 'migrate', 'admin', 'console', 'profile'].map((name) => `scripts/${name}.ts`),
];

const MAX_MB = 80;

/** SPDX's names of licences that allow any use, also in a product, if their text is kept. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT-0',
  'PSF-2.0',
]);

/** sharp's parts with libvips, a shared library that anyone can replace, as its licence asks. See ADR 14. */
const LIBVIPS = { packages: /^@img\/sharp-/, licence: 'LGPL-3.0-or-later' };

/** In bytes: what a file system allocates at least for a file that is not empty. */
const BLOCK = 4096;

t.test('the dependencies are exactly what production imports', async (t) => {
  const migrations = await Array.fromAsync(glob('migrations/*.ts', { cwd: ROOT }));
  const packages = await packagesOf([...ENTRIES, ...migrations]);
  t.same(packages, Object.keys(packageJson.dependencies).sort());
});

t.test('only the process that decodes a picture loads sharp', async (t) => {
  t.notOk((await packagesOf(['src/server.ts', 'src/worker.ts'])).includes('sharp'));
  t.same(await packagesOf(['src/domain/pictures/process.ts']), ['sharp']);
});

t.test('an import of a development dependency is found unless its absence is handled', async (t) => {
  t.same(await packagesOf(['src/mailbox/smtp-server.ts']), ['smtp-server']);
  t.ok((await packagesOf(['test/jobs/mail.test.ts'])).includes('mailparser'), 'directly or not');
  t.notOk((await packagesOf(['src/plugins/mailer.ts'])).includes('smtp-server'));
});

t.test(`a slim install takes less than ${MAX_MB} MB, and the application loads from it`, async (t) => {
  const root = t.testdir();
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
  const folders = Object.keys(packages).filter((path) => path !== '' && !packages[path].dev);
  await Promise.all(
    [...folders, 'src', 'migrations'].map((path) => linkFolder(join(ROOT, path), join(root, path))),
  );
  await copyFile(join(ROOT, 'package.json'), join(root, 'package.json'));
  const run = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: root });

  await run(join(ROOT, 'scripts/slim.ts'));
  const megabytes = (await sizeOf(join(root, 'node_modules'))) / 2 ** 20;
  t.ok(megabytes > 50 && megabytes < MAX_MB, `${megabytes}`);
  const programs = [
    'app.ts',
    'domain/markdown/thread.ts',
    'domain/posts/compare.ts',
    'domain/pictures/render.ts',
  ];
  const imports = programs.map((name) => `await import('./src/${name}');`);
  await t.resolves(run('--input-type=module', '--eval', [...imports, 'process.exit()'].join('')));
});

t.test('an install for development is not slimmed', async (t) => {
  const root = t.testdir({ node_modules: { typescript: { 'types.d.ts': '' } } });
  const slim = promisify(execFile)(process.execPath, [join(ROOT, 'scripts/slim.ts')], { cwd: root });
  await t.rejects(slim, { code: 2, stderr: /npm ci --omit=dev/ });
  t.ok((await stat(join(root, 'node_modules/typescript/types.d.ts'))).isFile());
});

/** Links the files of a folder into another, without the packages inside it. Does nothing if there is none. */
async function linkFolder(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(() => []);
  if (entries.length > 0) await mkdir(to, { recursive: true });
  await Promise.all(
    entries.map((entry) => {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isFile()) return link(source, target);
      return entry.name === 'node_modules' ? undefined : linkFolder(source, target);
    }),
  );
}

/** What a folder takes on disk, in bytes. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      if (entry.isDirectory()) return BLOCK;
      return Math.ceil((await stat(join(entry.parentPath, entry.name))).size / BLOCK) * BLOCK;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, BLOCK);
}

t.test('every package in production has a licence that only requires its text to be included', async (t) => {
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], { cwd: ROOT });
  const { components }: { components: readonly Component[] } = JSON.parse(stdout);
  t.ok(components.length > 100);
  const refused = components.filter(
    ({ name, licenses }) => !licenses?.some((licence) => isAllowed(name, licence)),
  );
  t.same(
    refused.map(({ name, licenses }) => [name, licenses]),
    [],
  );
});

/** A package in the SBOM, which is in CycloneDX's format. */
interface Component {
  readonly name: string;
  readonly licenses?: readonly Licence[];
}

type Licence = { readonly license: { readonly id?: string } } | { readonly expression: string };

/** Whether one of the licences that a package offers is permissive, or that of libvips. */
function isAllowed(name: string, licence: Licence): boolean {
  const isLibvips = LIBVIPS.packages.test(name);
  const offered = 'expression' in licence ? licence.expression : (licence.license.id ?? '');
  return offered
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((all) =>
      all.split(' AND ').every((id) => PERMISSIVE.has(id) || (isLibvips && id === LIBVIPS.licence)),
    );
}
