-- What guests enter an organisation by (H-045, HX-17), the number that it is best called at (H-042), and what the platform's staff
-- write down about it for each other.
set local role sambung_owner;

create table identity.organisation_qr_codes (
    id uuid not null,
    org_id uuid not null,
    -- Behind /g/. Nobody finds one by trying: 100 bits.
    code text not null,
    created_at timestamptz not null default now(),
    -- Since when it lets nobody in any more. It is kept, so that whoever scans an old one is told so.
    expired_at timestamptz,
    constraint organisation_qr_codes_pkey primary key (id),
    constraint organisation_qr_codes_org_id_key unique (org_id, id),
    constraint organisation_qr_codes_code_key unique (code),
    constraint organisation_qr_codes_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint organisation_qr_codes_code_check check (code ~ '^[a-km-np-z2-9]{20}$')
);
create unique index organisation_qr_codes_live_key on identity.organisation_qr_codes (org_id) where expired_at is null;
create index organisation_qr_codes_created_idx on identity.organisation_qr_codes (org_id, created_at);

call platform.protect('identity.organisation_qr_codes');
-- Whoever has scanned one says no more than the code (app.qr_code), and learns from its row where it leads.
create policy api_presented on identity.organisation_qr_codes for select to sambung_api
    using (code = nullif(current_setting('app.qr_code', true), ''));
grant select, insert (id, org_id, code), update (expired_at) on identity.organisation_qr_codes to sambung_api;

-- Only ever added to. The organisation's own people have no business here.
create table identity.organisation_notes (
    id uuid not null,
    org_id uuid not null,
    text text not null,
    written_by uuid not null,
    created_at timestamptz not null default now(),
    constraint organisation_notes_pkey primary key (id),
    constraint organisation_notes_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint organisation_notes_writer_fkey foreign key (written_by) references identity.users (id),
    constraint organisation_notes_text_check check (length(text) between 1 and 2000)
);
create index organisation_notes_created_idx on identity.organisation_notes (org_id, created_at, id);
create index organisation_notes_writer_idx on identity.organisation_notes (written_by);
alter table identity.organisation_notes enable row level security;
alter table identity.organisation_notes force row level security;
create policy api_staff on identity.organisation_notes to sambung_api
    using ((select identity.is_staff())) with check ((select identity.is_staff()));
create policy platform_all on identity.organisation_notes to sambung_platform using (true) with check (true);
grant select, insert (id, org_id, text, written_by) on identity.organisation_notes to sambung_api;
grant select, insert on identity.organisation_notes to sambung_platform;

-- One of its own numbers outside; while it is that, nobody takes the number away.
alter table telephony.did_numbers add constraint did_numbers_org_number_key unique (org_id, number);
alter table identity.organisations
    add column primary_did text,
    add constraint organisations_primary_did_fkey foreign key (id, primary_did)
        references telephony.did_numbers (org_id, number) on update cascade;
create index organisations_primary_did_idx on identity.organisations (id, primary_did);
grant insert (primary_did), update (primary_did) on identity.organisations to sambung_api;

reset role;
