/* `daftarid unlock`: the way back in for an owner whom wrong passwords locked out, or who forgot his. */
#ifndef SERVER_APP_UNLOCK_H
#define SERVER_APP_UNLOCK_H

int unlock_main(int argc, char **argv); /* argv from "unlock" on; the process's exit code */

#endif
