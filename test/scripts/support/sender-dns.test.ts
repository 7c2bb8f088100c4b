import { generateKeyPairSync } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, decode, encode } from 'dns-packet';
import t, { type Test } from 'tap';
import { checkSenderDns } from '../../../scripts/support/sender-dns.ts';
import { loadConfig } from '../../../src/config.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'der' },
});
const CONFIG = {
  ...loadConfig({
    BASE_URL: 'https://blog.example.com',
    SMTP_URL: 'smtp://user:secret@smtp.example.net:587',
    MAIL_FROM: 'Pennypost <post@blog.example.com>',
    MAIL_RETURN_PATH: 'bounces@mail.example.com',
    ADMIN_EMAIL: 'ada@example.com',
  }),
  dkimPrivateKey: privateKey,
};
const KEY = publicKey.toString('base64');
const DKIM = `v=DKIM1; k=rsa; p=${KEY}`;
const split = (text: string) => [text.slice(0, 255), text.slice(255)];

/** A DNS server on loopback with these records. It never answers about names in `silent`. */
async function serveDns(
  t: Test,
  records: readonly Answer[],
  silent: readonly string[] = [],
): Promise<string> {
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.on('message', (packet, { port, address }) => {
    const { id, questions = [] } = decode(packet);
    const [question] = questions;
    if (question === undefined || silent.includes(question.name)) return;
    const named = records.filter(({ name }) => name === question.name);
    const answers = named.filter(({ type }) => type === question.type);
    const flags = named.length === 0 ? 3 : 0; // NXDOMAIN, or no such record.
    socket.send(encode({ type: 'response', id, flags, questions, answers }), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return `127.0.0.1:${socket.address().port}`;
}

const txt = (name: string, ...data: string[]): Answer => ({ type: 'TXT', name, data });

t.test('a domain with all records passes; a parent’s DMARC record counts', async (t) => {
  const server = await serveDns(t, [
    txt('mail.example.com', 'google-site-verification=x'),
    txt('mail.example.com', 'v=spf1 include:example.net -all'),
    txt('pennypost._domainkey.blog.example.com', ...split(DKIM)),
    txt('_dmarc.example.com', 'v=DMARC1; p=reject'),
    { type: 'MX', name: 'mail.example.com', data: { preference: 10, exchange: 'mx.example.net' } },
  ]);
  t.same(await checkSenderDns(CONFIG, [server]), [
    'SPF: ok, if it has your mail server: v=spf1 include:example.net -all',
    'DKIM: ok, pennypost._domainkey.blog.example.com has our key',
    'DMARC: ok, _dmarc.example.com: v=DMARC1; p=reject',
    'MX: ok, mx.example.net',
  ]);
});

t.test('missing records are printed as lines for the zone', async (t) => {
  const server = await serveDns(t, [txt('mail.example.com', 'unrelated')]);
  const [dkim = '', rest] = split(DKIM);
  t.match(await checkSenderDns(CONFIG, [server]), [
    /^SPF: missing\..*\n {2}mail\.example\.com\. TXT "v=spf1 a:smtp\.example\.net ~all"$/,
    `DKIM: missing. Add this:\n  pennypost._domainkey.blog.example.com. TXT "${dkim}" "${rest}"`,
    /^DMARC: missing\..*\n {2}_dmarc\.blog\.example\.com\. TXT "v=DMARC1; p=none; rua=mailto:ada@example\.com"$/,
    /^MX: missing, .*\n {2}mail\.example\.com\. MX 10 blog\.example\.com\.$/,
  ]);
  const [, unsigned] = await checkSenderDns({ ...CONFIG, dkimPrivateKey: undefined }, [server]);
  t.match(unsigned, /^DKIM: not signed here\. Set DKIM_PRIVATE_KEY_FILE/);
});

t.test('records that do not count are distinguished from good ones', async (t) => {
  const server = await serveDns(t, [
    txt('mail.example.com', 'v=spf1 mx -all'),
    txt('mail.example.com', 'v=spf1 include:example.net -all'),
    txt('pennypost._domainkey.blog.example.com', 'v=DKIM1; p=', 'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A'),
    { type: 'MX', name: 'mail.example.com', data: { preference: 0, exchange: '.' } },
  ]);
  t.match(await checkSenderDns(CONFIG, [server]), [
    /^SPF: mail\.example\.com has 2 records, so none counts/,
    /^DKIM: pennypost._domainkey.blog.example.com has another key\. Replace it by this:\n/,
    /^DMARC: missing/,
    /^MX: missing/,
  ]);
});

t.test('a server that does not answer costs seconds and one check', async (t) => {
  const server = await serveDns(t, [txt('_dmarc.example.com', 'v=DMARC1; p=none')], ['mail.example.com']);
  const [spf, dkim, dmarc, mx] = await checkSenderDns(CONFIG, [server]);
  t.equal(spf, 'SPF: could not be checked (ETIMEOUT)');
  t.match(dkim, /missing/);
  t.match(dmarc, /ok/);
  t.equal(mx, 'MX: could not be checked (ETIMEOUT)');
});

t.test('a site that is not on the internet has no DNS to check', async (t) => {
  t.same(await checkSenderDns(loadConfig({}), ['127.0.0.1:1']), []);
});
