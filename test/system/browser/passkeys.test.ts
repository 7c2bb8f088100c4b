import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import t from 'tap';
import { assertSound, LOOKS, listen, logIn, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser, PASSWORD } from '../../support/factories.ts';

/** Browsers have no passkeys on IP addresses, so the site must know its port before it listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Gives a page's browser a device whose owner always agrees. */
async function plugInDevice(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  } as const;
  await session.send('WebAuthn.addVirtualAuthenticator', { options });
}

t.test('people add a passkey, log in with it, and use it after the password', async (t) => {
  const port = await freePort();
  const site = `http://localhost:${port}`;
  const app = await build(t, { BASE_URL: site });
  await app.listen({ host: 'localhost', port });
  const [, look] = LOOKS;
  const { email } = await createUser(app);
  const page = await openPage(t, look);
  await plugInDevice(page);
  await logIn(page, site, email);
  await page.goto(`${site}/auth/security`);
  await page.getByRole('link', { name: 'Add a passkey' }).click();
  await page.getByLabel('Name').fill('Laptop');
  await assertSound(t, page, look, 'adding one');
  await page.getByRole('button', { name: 'Add passkey' }).click();
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  await page.getByRole('link', { name: 'I have saved my codes' }).click();
  await page.getByText('Laptop').first().waitFor();
  await assertSound(t, page, look, 'the list');
  await page.goto(`${site}/auth/passkeys/add`);
  await page.getByRole('button', { name: 'Add passkey' }).click();
  await page.getByText('This device already has a passkey for your account.').waitFor();
  const logOut = () => page.getByRole('button', { name: 'Log out', exact: true }).first().click();
  await logOut();

  await page.goto(`${site}/auth/login?next=/auth/security`);
  await assertSound(t, page, look, 'the log-in page');
  await page.getByRole('button', { name: 'Log in with a passkey' }).click();
  await page.getByText('Last used').waitFor();
  await logOut();

  await page.goto(`${site}/auth/login?next=/auth/security`);
  await page.fill('#email', email);
  await page.fill('#password', PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Use your passkey' }).waitFor();
  await assertSound(t, page, look, 'the second step');
  await page.getByRole('button', { name: 'Use a passkey' }).click();
  await page.getByRole('link', { name: 'Rename or remove' }).click();
  await assertSound(t, page, look, 'one passkey');
  await page.getByRole('button', { name: 'Remove passkey' }).click();
  await page.getByText('The passkey has been removed.').waitFor();
  await logOut();

  await page.goto(`${site}/auth/login`);
  await page.getByRole('button', { name: 'Log in with a passkey' }).click();
  await page.getByText('This passkey was not accepted.').waitFor();
});

t.test('without JavaScript the log-in page says that passkeys need it', async (t) => {
  const app = await build(t);
  const site = await listen(t, app);
  const [look] = LOOKS;
  const page = await openPage(t, look);
  await page.goto(`${site}/auth/login`);
  await assertSound(t, page, look, 'the log-in page');
  await page.getByRole('button', { name: 'Log in with a passkey' }).click();
  await page.locator('.error', { hasText: 'Passkeys need JavaScript.' }).waitFor();
});
