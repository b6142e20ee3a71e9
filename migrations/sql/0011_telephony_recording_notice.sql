-- HX-22: callers hear that their call will be recorded, where all calls are, before anybody rings. A step of a recording
-- whose reason is policy_after_notice says that the caller has heard it.
set local role sambung_owner;

alter table telephony.organisation_settings
    add column has_recording_notice boolean not null default false;

reset role;
