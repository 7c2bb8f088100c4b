import fc from 'fast-check';
import t from 'tap';
import { candidatesOf } from '../../../src/domain/markdown/references.ts';
import { render } from '../../../src/domain/markdown/render.ts';

const PEOPLE = new Map([
  ['susan', 1],
  ['john.doe', 2],
  ['dotty.', 3],
]);

t.test('a tag is lower-cased and linked as it was written', async (t) => {
  const { html, tags } = render('post', 'On #TypeScript and #Überraschung, again #typescript.');
  t.same(tags, ['typescript', 'überraschung']);
  t.equal(
    html,
    '<p>On <a class="tag" href="/tag/typescript">#TypeScript</a> and ' +
      '<a class="tag" href="/tag/%C3%BCberraschung">#Überraschung</a>, again ' +
      '<a class="tag" href="/tag/typescript">#typescript</a>.</p>',
  );
});

t.test('text that is not a tag stays text', async (t) => {
  for (const body of [
    '# Heading',
    '#1 and #42',
    'C# a#b ##c &#35; #',
    '\\#escaped',
    '`#code`',
    '```\n#include\n```',
    '    #indented',
    '[#link](/x)',
    '<a href="/x">#html</a>',
    '<b>a</b> [#bold](/x)',
    'https://example.com/#fragment and /post/1#comments',
    `#${'long'.repeat(11)}`,
  ]) {
    const { html, tags } = render('post', body);
    t.same(tags, [], body);
    t.notMatch(html, 'class="tag"', body);
  }
  t.same(render('comment', '#tag').tags, [], 'comments have none');
});

t.test('tags may be in any script, and ten are counted', async (t) => {
  t.same(render('post', '(#日本語) #हिन्दी #-no #dash- #state-of-the-art_2 **#bold**').tags, [
    '日本語',
    'हिन्दी',
    'dash',
    'state-of-the-art_2',
    'bold',
  ]);
  t.same(render('post', '[a](/x) #after <a href="/x">b</a> #both').tags, ['after', 'both']);
  const many = Array.from({ length: 12 }, (_, index) => `#tag${index}`).join(' ');
  const { html, tags } = render('post', `${many} #tag0`);
  t.equal(tags.length, 10);
  t.match(html, '</a> #tag10 #tag11 <a class="tag" href="/tag/tag0">#tag0</a></p>');
});

t.test('a mention ignores case and matches the whole name', async (t) => {
  const { html, mentions } = render('comment', 'Thanks @Susan, @john.doe. And @dotty.!', PEOPLE);
  t.same(mentions, [1, 2, 3]);
  t.match(html, '<a class="mention" href="/user/by-id/1">@Susan</a>,');
  t.match(html, '<a class="mention" href="/user/by-id/2">@john.doe</a>. And');
  t.match(html, '<a class="mention" href="/user/by-id/3">@dotty.</a>!');
});

t.test('text that mentions nobody stays text', async (t) => {
  for (const body of [
    '@nobody',
    '@susanna @susané',
    'me@susan',
    '@susan@example.com',
    '\\@susan',
    '\\𐀀@susan',
    '`@susan`',
    '[@susan](/x)',
    'https://example.com/@susan',
  ])
    t.same(render('post', body, PEOPLE).mentions, [], body);
});

t.test('the candidates are all the people that a text can mention, at most twenty', async (t) => {
  t.same(candidatesOf('@Susan, @john.doe. me@x.org @susan @a@b.c'), ['susan', 'john.doe.', 'john.doe']);
  t.equal(candidatesOf(Array.from({ length: 50 }, (_, index) => `@user${index}`).join(' ')).length, 20);
  t.same(candidatesOf(`@${'x'.repeat(65)}`), []);
});

t.test('only people in the text are mentioned, and every tag can be written', async (t) => {
  const part = fc.oneof(
    fc.constantFrom(
      '@',
      '#',
      '@susan',
      '#tag',
      '@john.doe',
      '_',
      '-',
      '.',
      ' ',
      '\n',
      '`',
      '[',
      '](/x)',
      '\\',
      '*',
    ),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const body = parts.join('');
      const candidates = candidatesOf(body);
      const { tags, mentions } = render('post', body, PEOPLE);
      const ids = candidates.flatMap((name) => PEOPLE.get(name) ?? []);
      return (
        mentions.every((id) => ids.includes(id)) &&
        tags.length <= 10 &&
        tags.every((tag) => /^[\p{L}\p{M}\p{N}_-]{1,40}$/u.test(tag) && tag === tag.toLowerCase())
      );
    }),
    { numRuns: 300 },
  );
  t.pass('300 texts');
});

t.test('searching takes linear time', async (t) => {
  for (const unit of [
    '@',
    '#',
    '@a',
    '#a',
    '@a.',
    '@a@',
    '#-',
    '#a-',
    '-',
    '#a#',
    '@é',
    'a',
    '@a_',
    `@a${'.'.repeat(49_997)}`,
  ]) {
    const timeOf = (length: number) => {
      const body = `${unit.repeat(length / unit.length)}b`;
      const start = process.cpuUsage();
      candidatesOf(body);
      return process.cpuUsage(start).user / 1000;
    };
    t.ok(Math.min(timeOf(50_000), timeOf(50_000), timeOf(50_000)) < 300, unit);
  }
});
