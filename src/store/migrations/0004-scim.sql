-- The name of a SCIM resource as it was pushed, and what a group says of each member, so that neither needs the whole body.
ALTER TABLE scim_resource ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE scim_member ADD COLUMN body TEXT NOT NULL DEFAULT '{}';
