"""The traces that programs leave in headers: those of people, of lists, of mailings."""

import re

#: Programs that send nothing but mailings.
MASS_MAILER = re.compile(
    r"accucast|aspmail|bulk ?mail|campaign|cheetahmail|constant contact|dartmail|"
    r"emailvision|inxmail|klaviyo|mailchimp|mailjet|mailworx|massmail|newsletter|"
    r"phplist|quicksender|responsys|sailthru|sendy|silverpop|stormpost|targetmail|"
    r"unity ?mail|whatcounts|cleverreach|rapidmail|brevo|sendinblue|acymailing|mailpoet|"
    r"mailerlite|getresponse|aweber|convertkit|activecampaign|infusionsoft|ymlp|"
    r"optivo|episerver|eloqua|marketo|pardot|sendloop|emma\b|benchmark ?email|dotmailer|"
    r"laposta|evalanche|agnitas|openemm|mautic|listmonk|acoustic|xpertmailer"
)
CAMPAIGN_HEADERS = (
    "x-bulkmail",
    "x-campaign",
    "x-campaignid",
    "x-campaign-id",
    "x-cid",
    "x-csa-complaints",
    "x-emv-memberid",
    "x-job",
    "x-list-host",
    "x-mailingid",
    "x-mailing-id",
    "x-mailer-recptid",
    "x-mailer-lid",
    "x-mc-user",
    "x-newsletter",
    "x-report-abuse",
    "x-report-abuse-to",
    "x-roving-id",
    "x-rpcampaign",
    "x-sfmc-stack",
    "x-stormpost-to",
    "x-subscriber",
    "x-elqsiteid",
    "x-mktarchive",
    "x-mailru-msgtype",
    "x-virtualserver",
)
#: Lists to which people write; announcements leave these out.
DISCUSSION_HEADERS = (
    "mailing-list",
    "x-beenthere",
    "x-egroups-return",
    "x-ecartis-version",
    "x-google-group-id",
    "x-listprocessor-version",
    "x-listserver",
    "x-mailing-list",
    "x-mailman-version",
    "x-topica-id",
    "x-discourse-post-id",
)
LIST_MANAGER = ("list-archive", "list-owner", "list-subscribe")
#: The addresses and pages of Mailman, Majordomo, ezmlm, LISTSERV and Yahoo Groups.
LIST_SOFTWARE = re.compile(
    r"[\w.+]-(?:admin|owner|request|bounces(?:\+[^@\s]{1,200})?|return-\d{1,9}-[^@\s]{1,200}"
    r"|unsubscribe(?:-[^@\s]{1,200})?)@|\bowner-[\w.+-]{1,64}@|\bsentto-\d|/mailman/"
    r"|@returns\.groups\.|listserv@|majordomo@|sympa@|\+unsubscribe@",
)
#: Systems in which people answer, though a program sends it.
HELP_DESK_HEADERS = (
    "x-zendesk-from-account-id",
    "x-rt-ticket",
    "rt-ticket",
    "x-otrs-ticketid",
    "x-discourse-post-id",
)
#: Whoever sends through these sends from a program; it may be a form all the same.
SENDING_SERVICES = (
    "x-amazon-mail-relay-type",
    "x-ses-outgoing",
    "x-sg-eid",
    "x-sg-id",
    "x-sib-id",
    "x-mailin-eid",
    "x-mailgun-sid",
    "x-mailgun-sending-ip",
    "x-mailgun-variables",
    "x-mandrill-user",
    "x-mc-user",
    "x-msfbl",
    "x-pm-message-id",
    "x-mj-mid",
    "x-mailjet-campaign",
    "x-sfdc-user",
    "x-sfmc-stack",
    "x-smtpapi",
    "x-php-originating-script",
    "x-facebook",
    "x-linkedin-class",
    "x-linkedin-template",
    "x-notifications",
    "x-email-type-id",
    "x-stripe-eid",
    "x-github-reason",
    "x-gitlab-project",
    "x-atlassian-mail-message-id",
    "x-jira-fingerprint",
    "x-bugzilla-type",
    "x-redmine-host",
    "x-trac-project",
    "x-phabricator-sent-this-message",
    "x-launchpad-message-rationale",
)
SENDING_PATH = re.compile(
    r"@(?:[\w-]{1,63}\.){0,5}(?:amazonses\.com|sendgrid\.(?:net|info)|mailgun\.(?:org|net)"
    r"|mandrillapp\.com|mcsv\.net|mcdlv\.net|rsgsv\.net|mtasv\.net|sparkpostmail\.com"
    r"|mailjet\.com|sendinblue\.com|exacttarget\.com|postmarkapp\.com|mailersend\.net"
    r"|hubspotemail\.net|klaviyomail\.com|createsend\.com|cmail\d{1,2}\.com"
    r"|smtp2go\.com|elasticemail\.com|sailthru\.com|bluehornet\.com|responsys\.net)\b"
)
#: `Feedback-ID` that a host sets on all that its people send.
COUNTED_BY_HOST = re.compile(
    r":(?:proton|fastmail|user:[\w.-]{1,60})\s*$|^i\w{5,12}:fm"
)
#: Programs in which people write.
MAIL_PROGRAM = re.compile(
    r"apple mail|iphone mail|ipad mail|microsoft (?:office )?outlook|thunderbird|"
    r"evolution|mutt|git-send-email|the bat|claws|sylpheed|kmail|airmail|mailspring|"
    r"roundcube|horde|squirrelmail|zimbra|mew |gnus|mailmate|eudora|lotus notes|"
    r"groupwise|exmh|nmh|pegasus|becky|foxmail|open-xchange|yahoomailwebservice|"
    r"webservice/|messagingengine|mailwise|postbox|em client|vm \d|mail\.ru mailer|"
    r"hotmail|outlook express|incredimail|aol \d|qqmail|netease|coremail"
)
#: Ids as webmail and telephones make them.
HAND_MADE_ID = re.compile(
    r"@mail\.gmail\.com>|\.phx\.gbl>|@mail\.yahoo\.com>|@email\.android\.com>"
    r"|^<[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}@(?:icloud|me|mac|gmail)\.com>"
)
#: Where people have their mailboxes. What is sent to many from there was sent by one.
_FREE_MAIL = (
    "gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.es"
    " yahoo.it yahoo.ca yahoo.com.br yahoo.co.in yahoo.co.jp ymail.com rocketmail.com"
    " hotmail.com hotmail.co.uk hotmail.de hotmail.fr hotmail.es hotmail.it"
    " outlook.com outlook.de outlook.fr live.com live.co.uk live.de live.nl msn.com"
    " aol.com icloud.com me.com mac.com gmx.de gmx.net gmx.at gmx.ch gmx.com web.de"
    " t-online.de freenet.de posteo.de mailbox.org proton.me protonmail.com pm.me"
    " tutanota.com fastmail.com fastmail.fm zoho.com mail.com mail.ru yandex.ru"
    " yandex.com bk.ru list.ru inbox.ru rambler.ru ukr.net orange.fr wanadoo.fr"
    " free.fr laposte.net sfr.fr libero.it virgilio.it tiscali.it alice.it"
    " terra.com.br uol.com.br bol.com.br wp.pl o2.pl onet.pl interia.pl seznam.cz"
    " centrum.cz qq.com 163.com 126.com sina.com naver.com daum.net hanmail.net"
    " rediffmail.com comcast.net verizon.net att.net sbcglobal.net bellsouth.net"
    " cox.net earthlink.net btinternet.com ntlworld.com bluewin.ch telenet.be"
    " skynet.be ziggo.nl xs4all.nl hetnet.nl telia.com"
)
FREE_MAIL = frozenset(_FREE_MAIL.split())
