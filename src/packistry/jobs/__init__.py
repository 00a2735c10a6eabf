"""Background work: the only room that knows the job engine (DBOS). It knows no subject.

Rows are the truth: subjects write what is to be done, and the jobs process looks for due rows and works them off. The
engine remembers which job is being done by whom, so that after a kill it is taken up again, and never done twice at
once.
"""
