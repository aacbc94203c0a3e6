"""What can be measured of one run, by itself and beside its control: measured once, judged by the rules."""
