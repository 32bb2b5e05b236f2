-- Store the metrics that Python hands over as new_evaluation.
insert into evaluation by name
from new_evaluation;
