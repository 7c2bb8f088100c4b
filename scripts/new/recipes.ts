import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Contains each new file at its path in the project, with `example-name` for its name. */
export const TEMPLATES = join(import.meta.dirname, '..', 'templates');

/** Adds lines to a file before or after the only line that begins with a text, indented like it. */
export interface Edit {
  readonly path: string;
  readonly place: { readonly before: string } | { readonly after: string };
  /** The lines to add, with `example-name` for the name. */
  readonly lines: string;
  /** Where its second column begins, if it is a row of a table. */
  readonly secondColumn?: number;
}

export interface Recipe {
  readonly templates: readonly string[];
  readonly edits: readonly Edit[];
  /** What is left to do. */
  readonly next: string;
}

const CONTRACTS = 'src/queues.ts';
const PAGES = 'src/routes/web/index.ts';
const AUTHORIZATION = 'test/system/authorization/matrix.ts';

/** What can be scaffolded. */
export type Kind = 'job' | 'mail' | 'page' | 'migration';

/** What each kind needs. CONTRIBUTING.md says the same in words. */
export const RECIPES: Readonly<Record<Kind, Recipe>> = {
  job: {
    templates: [
      'src/jobs/example-name.ts',
      'src/domain/example-name/run.ts',
      'test/jobs/example-name.test.ts',
    ],
    edits: [
      {
        path: CONTRACTS,
        place: { before: '/** Deletes expired rows every hour' },
        lines: declarationIn(CONTRACTS),
      },
      {
        path: 'src/jobs/index.ts',
        place: { after: 'import type { JobDefinition }' },
        lines: "import exampleName from './example-name.ts';",
      },
      { path: 'src/jobs/index.ts', place: { before: '];' }, lines: '  exampleName,' },
    ],
    next: 'Say what the job does where the new files and the contract do not yet. Enqueue it, or give its contract schedules.',
  },
  mail: {
    templates: ['views/mail/example-name.html.eta', 'views/mail/example-name.txt.eta'],
    edits: [
      {
        path: CONTRACTS,
        place: { before: "mail('export-ready'" },
        lines: "mail('example-name', { userId: id() }),",
      },
      {
        path: 'src/domain/mail/templates.ts',
        place: { before: "'export-ready': {" },
        lines: "'example-name': {\n  subject: 'Example name',\n  path: () => '/',\n},",
      },
      {
        path: 'test/views/mail.test.ts',
        place: { before: "'export-ready':" },
        lines: "'example-name': link,",
      },
    ],
    next: 'Say in both texts what has happened, and in the template where the link leads. Enqueue it.',
  },
  page: {
    templates: [
      'src/routes/web/example-name.ts',
      'views/example-name.eta',
      'test/routes/web/example-name.test.ts',
    ],
    edits: [
      {
        path: PAGES,
        place: { after: "import explore from './explore.ts';" },
        lines: "import exampleName from './example-name.ts';",
      },
      { path: PAGES, place: { after: 'app.register(bookmarks);' }, lines: 'app.register(exampleName);' },
      {
        path: AUTHORIZATION,
        place: { after: 'GET /bookmarks ' },
        secondColumn: 41,
        lines: 'GET /example-name  log in     confirm      ok         ok         ok         ok',
      },
      ...['queries', 'plans', 'browser/pages'].map((test) => ({
        path: `test/system/${test}.test.ts`,
        place: { after: "'/bookmarks'," },
        lines: "'/example-name',",
      })),
    ],
    next: 'Say what the page is for where the new files do not yet, and link to it from another page.',
  },
  migration: {
    templates: ['migrations/example_name.ts'],
    edits: [
      {
        path: 'src/database/schema.ts',
        place: { before: 'tag_follows: {' },
        lines: membersOf('src/database/example-tables.ts'),
      },
    ],
    next: 'Give the table its columns, in both files. For another change, replace the statement and take the table out again.',
  },
};

/** The only declaration in a template, with its comment. */
function declarationIn(template: string): string {
  return read(template).replace(/^[\s\S]*?(?=^\/\*\*)/m, '');
}

/** The members of the only interface in a template. */
function membersOf(template: string): string {
  return read(template).replace(/^[\s\S]*\{\n(?= {2}\/\*\*)|\n\}\n$|^ {2}/gm, '');
}

function read(template: string): string {
  return readFileSync(join(TEMPLATES, template), 'utf8');
}
