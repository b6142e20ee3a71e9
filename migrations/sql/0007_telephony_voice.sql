-- How the switch speaks to an organisation's callers: in which language, and whether it tells people why they cannot be
-- connected.
set local role sambung_owner;

alter table telephony.organisation_settings
    add column language text not null default 'id',
    add column has_announcements boolean not null default true,
    add constraint organisation_settings_language_check check (language in ('id', 'en'));

reset role;
