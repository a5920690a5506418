/* daemon/audit.h -- townlake audit: check and export the audit's files, with or without a server running. */
#ifndef TL_DAEMON_AUDIT_H
#define TL_DAEMON_AUDIT_H

int tl_audit_main(int argc, char **argv);

#endif
