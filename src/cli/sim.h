/* The command `pipepoll sim`: the simulated CodePipeline by itself, for clients in any language. */
#ifndef CLI_SIM_H
#define CLI_SIM_H

/* Serve until SIGINT or SIGTERM. argv[0] is "sim". Returns the exit status: 0; 252: usage; 255: it
 * could not listen, or not write a file. */
int cli_sim(int argc, char **argv);

#endif
