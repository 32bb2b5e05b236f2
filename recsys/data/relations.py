"""Create the relations of a warehouse from the numbered files of `sql/`.

Flows in: an empty warehouse and the settings. Flows out: its tables, views and macros.
"""

from dataclasses import asdict

import numpy as np

from recsys.config import DataSettings
from recsys.data.sql_files import SCHEMA_VERSION, numbered_files, sql_file_digests
from recsys.data.warehouse import Warehouse

_LAST_RAW_FILE = 11  # its number: the files after it read the data


def create_raw_tables(warehouse: Warehouse, settings: DataSettings) -> None:
    """Create the tables that are filled from the source, and those that say how."""
    bound = asdict(settings) | {"schema_version": SCHEMA_VERSION}
    # In one transaction: hundreds of statements would each wait for the disk.
    with warehouse.transaction():
        for file in numbered_files():
            if int(file.name[:2]) <= _LAST_RAW_FILE:
                warehouse.run_file(file, **bound)
    digests = sql_file_digests()
    columns = {"name": np.array(list(digests)), "sha256": np.array(list(digests.values()))}
    warehouse.append("insert_sql_files", "new_sql_files", columns)


def create_views(warehouse: Warehouse) -> None:
    """Create what reads the data, which are loaded, and the tables of the model layer."""
    with warehouse.transaction():
        for file in numbered_files():
            if int(file.name[:2]) > _LAST_RAW_FILE:
                warehouse.run_file(file)
