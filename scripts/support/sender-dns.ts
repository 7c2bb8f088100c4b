import { createPublicKey } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Config } from '../../src/config.ts';
import { domainOf } from '../../src/domain/mail/message.ts';

/** How long all look-ups together may take. */
const DEADLINE_MS = 10_000;

/**
 * Checks the DNS records that receivers check for the domain of our mail: SPF, DKIM, DMARC and MX.
 *
 * @param servers the name servers to ask, as `host:port`; by default, those of the machine
 * @returns a line per check, and what to add to the zone if something is missing; nothing for a domain such as `localhost`
 */
export async function checkSenderDns(config: Config, servers?: readonly string[]): Promise<string[]> {
  const domain = domainOf(config.mailFrom);
  if (!domain.includes('.')) return [];
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const timer = setTimeout(() => resolver.cancel(), DEADLINE_MS);
  const returnDomain = domainOf(config.mailReturnPath ?? config.mailFrom);
  const checks = [
    checkSpf(resolver, returnDomain, config),
    checkDkim(resolver, domain, config),
    checkDmarc(resolver, domain, config),
    checkMx(resolver, returnDomain, config),
  ];
  const names = ['SPF', 'DKIM', 'DMARC', 'MX'];
  const results = await Promise.allSettled(checks);
  clearTimeout(timer);
  return results.map((result, index) =>
    result.status === 'fulfilled'
      ? `${names[index]}: ${result.value}`
      : `${names[index]}: could not be checked (${result.reason.code ?? result.reason})`,
  );
}

/** SPF: which servers may send mail with this domain in the return path. */
async function checkSpf(resolver: Resolver, domain: string, { smtpUrl, baseUrl }: Config): Promise<string> {
  const records = (await texts(resolver, domain)).filter((text) => /^v=spf1(?: |$)/i.test(text));
  const [record] = records;
  if (records.length > 1)
    return `${domain} has ${records.length} records, so none counts. Merge them into one.`;
  if (record !== undefined) return `ok, if it has your mail server: ${record}`;
  const { hostname } = new URL(smtpUrl ?? baseUrl);
  const server = /^(?:localhost|127\..*|\[::1\])$/.test(hostname) ? new URL(baseUrl).hostname : hostname;
  return `missing. Add this, or what your mail provider says instead of ${server}:\n${txt(domain, `v=spf1 ${mechanism(server)} ~all`)}`;
}

function mechanism(server: string): string {
  const address = server.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  return family === 0 ? `a:${address}` : `ip${family}:${address}`;
}

/** DKIM: whether the published key is the one that we sign with. */
async function checkDkim(
  resolver: Resolver,
  domain: string,
  { dkimSelector, dkimPrivateKey }: Config,
): Promise<string> {
  if (dkimPrivateKey === undefined)
    return 'not signed here. Set DKIM_PRIVATE_KEY_FILE, unless your mail server signs.';
  const name = `${dkimSelector}._domainkey.${domain}`;
  const ours = createPublicKey(dkimPrivateKey).export({ type: 'spki', format: 'der' }).toString('base64');
  const [record] = await texts(resolver, name);
  const published = record && /(?:^|;)\s*p\s*=([^;]*)/i.exec(record)?.[1]?.replaceAll(/\s/g, '');
  if (published === ours) return `ok, ${name} has our key`;
  const wrong = record === undefined ? 'missing. Add this:' : `${name} has another key. Replace it by this:`;
  return `${wrong}\n${txt(name, `v=DKIM1; k=rsa; p=${ours}`)}`;
}

/** DMARC: what receivers should do with mail that claims to be from this domain. A parent's record applies to its subdomains. */
async function checkDmarc(resolver: Resolver, domain: string, { adminEmail }: Config): Promise<string> {
  const labels = domain.split('.');
  for (let first = 0; first < labels.length - 1; first += 1) {
    const name = `_dmarc.${labels.slice(first).join('.')}`;
    const record = (await texts(resolver, name)).find((text) => /^v=DMARC1\s*(?:;|$)/.test(text));
    if (record !== undefined) return `ok, ${name}: ${record}`;
  }
  const reports = adminEmail === undefined ? '' : `; rua=mailto:${adminEmail}`;
  return `missing. Add this, and p=quarantine once SPF and DKIM are ok:\n${txt(`_dmarc.${domain}`, `v=DMARC1; p=none${reports}`)}`;
}

/** MX: whether bounces and replies can arrive. */
async function checkMx(resolver: Resolver, domain: string, { baseUrl }: Config): Promise<string> {
  const records = await orNone(resolver.resolveMx(domain));
  const hosts = records.map(({ exchange }) => exchange).filter((host) => host !== '');
  if (hosts.length > 0) return `ok, ${hosts.join(', ')}`;
  return `missing, so no bounce can arrive, and some receivers refuse mail from such a domain. Add the server that takes its mail:\n  ${domain}. MX 10 ${new URL(baseUrl).hostname}.`;
}

async function texts(resolver: Resolver, name: string): Promise<string[]> {
  return (await orNone(resolver.resolveTxt(name))).map((strings) => strings.join(''));
}

/** A name without such records is no error. */
async function orNone<Record>(records: Promise<Record[]>): Promise<Record[]> {
  try {
    return await records;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}

/** A line for the zone file. One string in it has at most 255 characters. */
function txt(name: string, text: string): string {
  const strings = text.match(/.{1,255}/g) ?? [];
  return `  ${name}. TXT ${strings.map((string) => `"${string}"`).join(' ')}`;
}
