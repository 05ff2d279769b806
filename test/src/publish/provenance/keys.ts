/** Keys that `minisign -G -W` made for these tests alone. */
export const plainSecretKey = `untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgg0o/lhg/2nvJjK95mg4mZ6jeBP01VXNZ3H5hdMhdenLeCK7t8AZ1nyTxjC3EZ+Jt2H9oOuyLrNbbvNYEvwL5B0e06qQK5kAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
`;

/** The half of `plainSecretKey` that is told to others. */
export const publicKey = 'RWSCDSj+WGD/aXyTxjC3EZ+Jt2H9oOuyLrNbbvNYEvwL5B0e06qQK5kA';

/** Of another pair. */
export const otherPublicKey = 'RWQVwITNvpOlwRj+v30DNHBUedl3IVBGPr1mpve4tmYnZt94rM9r7qw3';

/** The secret half of `otherPublicKey`; its password is x. */
export const lockedSecretKey = `untrusted comment: minisign encrypted secret key
RWRTY0IyccbY78qnP7KZT8tF13+to8wmpgq0hI/XSO6WZcnToBsAAAACAAAAAAAAAEAAAAAAduaIgCOfWrldFZC2mrm/0aAOlWq/YOmykFPLWLQdR09XJFhN8V94eAH6nrwiMxpWnWTze3QtjTVDHov5/dcl7ARJBG1aFw0yucBZnGVASkh0gJ2l/sY7kh286Rgg0XoX7ywJhYmLsPc=
`;
