import Bowser from 'bowser';

/** A browser's name for people, such as “Firefox on Linux”. */
export function browserName(userAgent: string): string {
  if (userAgent === '') return 'Unknown browser';
  const { browser, os } = Bowser.parse(userAgent);
  return `${browser.name || 'Unknown browser'}${os.name ? ` on ${os.name}` : ''}`;
}
