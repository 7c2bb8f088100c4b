import t from 'tap';
import { PageCache } from '../../../src/plugins/page-cache/cache.ts';
import { waitFor } from '../../support/wait-for.ts';

const LIMITS = { maxAgeMs: 3_600_000, maxBytes: 100_000 };

t.test('a page is kept until it is too old, and renewed by one before that', async (t) => {
  let isSeen = false;
  // A machine that stood still in between has seen nothing of it: then all is done again with more time.
  for (let maxAgeMs = 200; !isSeen && maxAgeMs < 20_000; maxAgeMs *= 2) {
    const cache = new PageCache({ ...LIMITS, maxAgeMs });
    t.equal(cache.find('/'), undefined);
    const page = cache.begin('home', '/').land('one');
    const fresh = cache.find('/');
    await waitFor(() => cache.find('/') === undefined, 'the next who asks should render it');
    cache.begin('home', '/');
    const due = cache.find('/');
    isSeen = fresh === page && due === page;
    await waitFor(() => cache.find('/') === undefined, 'it is too old for anybody');
  }
  t.ok(isSeen, 'while it is rendered again, everybody else gets it still');
});

t.test('those who want a page that is being rendered wait for it', async (t) => {
  const cache = new PageCache(LIMITS);
  const flight = cache.begin('home', '/');
  t.equal(cache.flightTo('/'), flight);
  const page = flight.land('one');
  t.equal(await flight.landed, page);
  t.equal(cache.flightTo('/'), undefined);
  const failed = cache.begin('home', '/failing');
  failed.giveUp();
  t.equal(await failed.landed, undefined, 'or hear that they must try for themselves');
  t.equal(cache.find('/failing'), undefined);
});

t.test('a change takes away the pages about its subject, and those that are being rendered', async (t) => {
  const cache = new PageCache(LIMITS);
  cache.begin('home', '/').land('one');
  cache.begin('home', '/?2').land('two');
  const other = cache.begin('post:1', '/post/1').land('three');
  const flight = cache.begin('home', '/?3');
  cache.invalidate('home');
  t.equal(cache.find('/'), undefined);
  t.equal(cache.find('/?2'), undefined);
  t.equal(cache.find('/post/1'), other);
  t.equal(cache.flightTo('/?3'), undefined, 'its data may be from before the change');
  const renewed = cache.begin('home', '/?3');
  flight.land('old');
  t.equal(cache.find('/?3'), undefined, 'so it is for those who wait for it only');
  const page = renewed.land('new');
  t.equal(cache.find('/?3'), page);
  cache.invalidate('everything');
  t.equal(cache.find('/post/1'), undefined);
  t.equal(cache.find('/?3'), undefined);
});

t.test('no more is kept than there is room for', async (t) => {
  const cache = new PageCache(LIMITS);
  for (let number = 1; number <= 50; number += 1) cache.begin('home', `/${number}`).land('x'.repeat(5_000));
  const kept = Array.from({ length: 50 }, (_, index) => cache.find(`/${index + 1}`)).filter(Boolean).length;
  t.ok(kept >= 5 && kept <= 20, `${kept} pages of 5 kB are kept in 100 kB`);
  t.ok(cache.find('/50'), 'those that were asked for last');
  cache.begin('home', '/huge').land('x'.repeat(500_000));
  t.equal(cache.find('/huge'), undefined);
  cache.invalidate('home');
  t.equal(cache.find('/50'), undefined);
});

t.test('with an age of 0 nothing is kept, and nobody waits for another', async (t) => {
  const cache = new PageCache({ ...LIMITS, maxAgeMs: 0 });
  const flight = cache.begin('home', '/');
  t.equal(cache.flightTo('/'), undefined);
  flight.land('one');
  t.equal(cache.find('/'), undefined);
});
