import { createRequire } from 'node:module';
import t from 'tap';
import { render } from '../../../src/domain/markdown/render.ts';
import { normaliseHtml } from '../../support/normalise-html.ts';
import { DEVIATIONS } from './deviations.ts';

interface Example {
  readonly number: number;
  readonly markdown: string;
  readonly html: string;
}

const { tests }: { tests: readonly Example[] } = createRequire(import.meta.url)('commonmark-spec');

/** The examples write a tab as an arrow. */
const withTabs = (text: string) => text.replaceAll('→', '\t');

t.test("CommonMark's own examples render as they say, or differ for a listed reason", async (t) => {
  t.equal(tests.length, 652);
  const different = tests.filter(({ markdown, html }) => {
    const rendered = render('post', withTabs(markdown)).html;
    return normaliseHtml(rendered) !== normaliseHtml(withTabs(html));
  });
  t.same(
    different.map(({ number }) => number),
    Object.values(DEVIATIONS)
      .flat()
      .sort((one, other) => one - other),
  );
});
