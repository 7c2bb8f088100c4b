/** Whether the IANA database has a time zone of this name. */
export function isTimeZone(name: string): boolean {
  if (!/^[a-z]/i.test(name)) return false; // Refuses offsets, such as +01:00.
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
