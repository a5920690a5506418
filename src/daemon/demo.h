/* daemon/demo.h -- `townlake demo`: a whole small company to ask about, on one machine, with nothing to install.
 *
 * DIR/demo.env gets TOWNLAKE_URL and TOWNLAKE_TOKEN_ADMIN|ANALYST|FRAUD|CONTRACTOR; then it serves until stopped.
 * The data is made from --seed, --scale and --today only: the same three give the same bytes.
 */
#ifndef TL_DAEMON_DEMO_H
#define TL_DAEMON_DEMO_H

int tl_demo_main(int argc, char **argv);

#endif
