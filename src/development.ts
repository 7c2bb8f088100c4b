import { StartupError } from './errors.ts';

/** Whether a package is installed. `npm ci --omit=dev` leaves out the development dependencies. */
export function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Imports a module that uses development dependencies.
 *
 * @param what the subject of the error message, such as `A site without SMTP_URL`
 * @throws StartupError if they are not installed
 */
export async function forDevelopment<Module>(what: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new StartupError(2, `${what} needs the development dependencies. Run: npm ci`, { cause: error });
  }
}
