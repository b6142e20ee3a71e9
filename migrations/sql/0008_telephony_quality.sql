-- What a leg's media was worth and what was wrong with it, beside what was counted. All of it may be unknown: old
-- records do not have it, formats without a score have none, and phones that send no RTCP tell nothing.
set local role sambung_owner;

alter table telephony.quality_reports
    -- From the phone's own address, and not under its SRTP key, or replayed.
    add column packets_unauthentic bigint not null default 0,
    -- RFC 3550 §6.4.1, at its last value.
    add column rtt_micros bigint,
    -- ITU-T G.107; the mean of periods of some seconds, and the worst of them.
    add column mos numeric(3, 2),
    add column mos_lowest numeric(3, 2),
    -- What the phone reported of what it was sent.
    add column far_packets_lost bigint,
    add column far_jitter_micros bigint,
    -- One word: good, nothing_received, other_address …
    add column diagnosis text,
    add constraint quality_reports_mos_check check (mos between 1 and 4.5),
    add constraint quality_reports_mos_lowest_check check (mos_lowest between 1 and 4.5),
    add constraint quality_reports_diagnosis_check check (diagnosis ~ '^[a-z_]{1,32}$');

reset role;
