// The specs of a protocol once more, against all services in one process (decision 14).
process.env.SEGUE_TEST_FORM = 'one-process';
