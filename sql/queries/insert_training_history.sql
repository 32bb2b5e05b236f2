-- Store the learning curve that Python hands over as new_history.
insert into training_history by name
from new_history;
