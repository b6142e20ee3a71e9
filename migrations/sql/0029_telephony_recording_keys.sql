-- HX-22: an organisation's people begin recordings of their calls, pause them and go on with them by keys, so that the digits of
-- a card are not in them (PCI DSS).
set local role sambung_owner;

alter table telephony.organisation_settings
    add column has_recording_keys boolean not null default false;

reset role;
