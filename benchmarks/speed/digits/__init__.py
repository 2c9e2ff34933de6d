"""From the start of the process to 98% of the test rows of scikit-learn's digits: a script for each library."""
