/** Names that could be mistaken for staff, a page or a missing user. */
const RESERVED = new Set(
  `about abuse account accounts admin administrator administrators admins all anonymous api app assets auth avatar billing
  blog bot contact deleted dev edit editor email everybody everyone feed followed followers ftp guest health help
  home hostmaster imprint info invitation invitations invite legal localhost login logout mail mailbox mailerdaemon me metrics mod moderate moderator
  moderators mods news nobody noreply null official owner pennypost pop postmaster privacy register reset robots root rules
  security settings signin signup sitemap smtp staff superuser support sysadmin system team terms undefined unsubscribe
  user webmaster www`.split(/\s+/),
);

/** Whether a name is reserved. Ignores case, dots and underscores. */
export function isReservedName(username: string): boolean {
  return RESERVED.has(username.toLowerCase().replaceAll(/[._]/g, ''));
}
