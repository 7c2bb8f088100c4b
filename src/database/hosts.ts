import pg from 'pg';

/** How long the host that was found is used without looking again. */
const RECENT_MS = 1_000;

/** SQLSTATE `sqlclient_unable_to_establish_sqlconnection`. */
const NO_HOST = '08001';

/** Splits the URL of a database with several hosts, as in `postgres://a,b:5433/name`, into one URL per host. */
export function urlsOfHosts(url: string): string[] {
  const [, before, hosts, after] = /^(\w+:\/\/(?:[^@/]*@)?)([^/?]*)(.*)$/.exec(url) ?? [];
  return hosts?.includes(',') ? hosts.split(',').map((host) => `${before}${host}${after}`) : [url];
}

/**
 * node-postgres's options for a URL, which may have several hosts, as in libpq. Then every connection goes to the host that is
 * the primary at the time, or with `target_session_attrs=standby` to a standby.
 */
export function addressOf(url: string) {
  const [first = url, ...others] = urlsOfHosts(url);
  if (others.length === 0) return { connectionString: url };
  return { connectionString: first, Client: hostFindingClient([first, ...others]) };
}

/** Creates a client outside of a pool. */
export function createClient({
  Client = pg.Client,
  ...options
}: pg.ClientConfig & { Client?: typeof pg.Client }): pg.Client {
  return new Client(options);
}

/** Called when a connection is made, or with the error. */
type Connected = (error: Error | null, client?: pg.Client) => void;

/** Makes a class of clients that find the right host before they connect. Concurrent connections share one search. */
function hostFindingClient(urls: readonly string[]): typeof pg.Client {
  let search: ReturnType<typeof findHost> | undefined;
  return class extends pg.Client {
    readonly #options: pg.ClientConfig;

    constructor(options: pg.ClientConfig) {
      super(options);
      this.#options = options;
    }

    override connect(): Promise<pg.Client>;
    override connect(callback: Connected): void;
    override connect(callback?: Connected): Promise<pg.Client> | undefined {
      const found = this.#find();
      if (callback === undefined) return found.then(() => super.connect());
      // The pool's callback adds its error listener, so it must run before the next message is read.
      found.then(() => super.connect(callback), callback);
      return undefined;
    }

    async #find(): Promise<void> {
      const found = search ?? findHost(urls, this.#options);
      search = found;
      const forget = () => {
        if (search === found) search = undefined;
      };
      found.then(() => setTimeout(forget, RECENT_MS).unref(), forget);
      Object.assign(this, await found);
    }
  };
}

/**
 * Asks all hosts at once, because one that is gone does not respond.
 *
 * @throws Error with the reason of each host
 */
async function findHost(
  urls: readonly string[],
  options: pg.ClientConfig,
): Promise<{ host: string; port: number }> {
  const isStandbyWanted = /[?&]target_session_attrs=(?:prefer-)?standby\b/.test(urls[0] ?? '');
  const answers = urls.map(async (connectionString) => {
    const client = new pg.Client({ ...options, connectionString });
    client.on('error', () => {}); // The query fails too.
    try {
      await client.connect();
      const { rows } = await client.query('select pg_is_in_recovery() as "isStandby"');
      const { host, port } = client;
      if (rows[0].isStandby === isStandbyWanted) return { host, port };
      throw new Error(`${host}:${port} is ${isStandbyWanted ? 'the primary' : 'a standby'}`);
    } finally {
      await client.end();
    }
  });
  return Promise.any(answers).catch((cause: AggregateError) => {
    const reasons = cause.errors.map(({ message }) => message).join('; ');
    const message = `No host is ${isStandbyWanted ? 'a standby' : 'the primary'}: ${reasons}`;
    throw Object.assign(new Error(message), { code: NO_HOST });
  });
}
