-- Record the SQL files that Python hands over as new_sql_files.
insert into sql_files by name
from new_sql_files;
