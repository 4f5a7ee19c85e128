"""What the part of an address before the @ says of who uses it."""

import re

DAEMON = re.compile(r"mail(?:er)?[-_. ]?daemon\b", re.IGNORECASE)
SERVER = re.compile(
    r"post-?master|mail-?system|mailsystem|mdaemon|postoffice|bounces?"
    r"|microsoftexchange[0-9a-f]{8,}",
    re.IGNORECASE,
)
SERVER_NAME = re.compile(
    r"mail (?:delivery|administrator|system)|internet mail delivery|postmaster"
    r"|system administrator|microsoft (?:outlook|exchange)$|delivery subsystem",
    re.IGNORECASE,
)
NO_REPLY = re.compile(
    r"(?:.*[._+-])?(?:no|not|non|ne)[._-]?(?:reply|replies|response|answer)"
    r"(?:[._+-].*|\d*)"
    r"|(?:do|please|pls)[._-]?not?[._-]?(?:reply|respond|answer).*"
    r"|(?:nicht|keine|kein)[._-]?antwort.*"
    r"|(?:ne-?pas-?repondre|no-?responder|no-?responda|nao-?responda|non-?rispondere"
    r"|nie-?odpowiadaj|niet-?beantwoorden|svara-?inte|ikke-?svar).*"
)
_PROGRAM_NAMES = (
    "root cron daemon nobody nagios icinga zabbix munin monit logwatch smartd"
    " fail2ban www-data apache httpd wwwrun postgres mysql backup bacula jenkins"
    " hudson buildbot alertmanager prometheus grafana majordomo listserv listproc"
    " mailman sympa bugzilla-daemon autoreply auto-reply autoresponder"
)
PROGRAMS = frozenset(_PROGRAM_NAMES.split())
#: Addresses for notices. People write from some of them too.
SERVICE = re.compile(
    r"(?:.*[._+-])?(?:notifications?|notify|notifier|notices?|alerts?|auto-?confirm"
    r"|auto-?(?:mated|mailer|mail)|(?:account|order|shipment|delivery|shipping|booking"
    r"|payment|ship|reservation)s?[._-]?(?:updates?|confirm(?:ation)?s?|tracking"
    r"|notifications?|status|alerts?)|e-?receipts?|receipts?|reminders?|verify"
    r"|verification|mailer|robot|bot|digest|jobalerts?|invitations?|statements?"
    r"|password[._-]?reset|security[._-]?alerts?|monitor(?:ing)?|sysadmin-?alerts?)"
    r"(?:[._+-].*|\d*)"
)
#: Made for one thread, so that what somebody answers reaches somebody.
RELAY = re.compile(r"(?=.*\d).*(?:\+|[0-9a-f]{8}|\d{6}|[a-z0-9]{24}).*")
FEED_READER = re.compile(r"(?:.*[._+-])?(?:rss|rss2email|(?:rss)?feeds?)(?:[._+-].*)?")
MAILING = re.compile(
    r"(?:.*[._+-])?(?:e?-?newsletters?|mailings?|e?-?news[._-]?letter)(?:[._+-].*)?"
)
