/** Whether the IANA database has a time zone of this name. */
export function isTimeZone(name: string): boolean {
  if (!/^[a-z]/i.test(name)) return false; // An offset, which is no time zone.
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
