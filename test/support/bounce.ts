/** A delivery status notification as Postfix sends it and gives it to a command, unless `report` says otherwise. */
export function bounce(
  report = 'Final-Recipient: rfc822; john@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 No such user',
): string {
  return `From MAILER-DAEMON  Mon Jan  5 10:00:00 2026
Return-Path: <>
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@blog.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
Arrival-Date: Mon,  5 Jan 2026 10:00:00 +0000 (UTC)

${report}

--B
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: Pennypost <post@blog.example>
Subject: [Pennypost] New comments on your post

Status: 5.1.1
Action: failed

--B--
`.replaceAll('\n', '\r\n');
}
